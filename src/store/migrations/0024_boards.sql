-- Boards: where whiteboards.data stands in the log, and what is locked.
alter table whiteboards add column data_seq bigint not null default 0;
alter table whiteboards add column locked boolean not null default false;
alter table whiteboards add column locked_ids text[] not null default '{}';
alter table whiteboards add constraint stacgate_whiteboards_title check (length(title) between 1 and 500) not valid;
create index stacgate_whiteboards_list on whiteboards (study_group_id, created_at desc, id desc) where is_active;
