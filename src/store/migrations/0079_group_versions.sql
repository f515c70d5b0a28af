-- Groups are changed over REST too: the version that If-Match compares.
alter table study_groups add column if not exists row_version bigint not null default 1;
