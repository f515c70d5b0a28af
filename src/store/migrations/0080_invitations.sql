-- Invitations to private groups. One is used up by joining: who leaves, or is removed, needs another.
create table study_group_invitations (
    study_group_id varchar not null,
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    invited_by varchar references users on delete set null,
    at timestamp not null default (now() at time zone 'utc'),
    primary key (study_group_id, user_id),
    foreign key (study_group_id, establishment_id) references study_groups (id, establishment_id) on delete cascade
);
select stacgate_tenant_table('study_group_invitations');

create function stacgate_invited(p_group text, p_user text) returns boolean language sql stable as $$
    select exists (select from study_group_invitations i where i.study_group_id = p_group and i.user_id = p_user
                   and not exists (select from study_group_members m where m.study_group_id = p_group and m.user_id = p_user and m.joined_at > i.at))
$$;
