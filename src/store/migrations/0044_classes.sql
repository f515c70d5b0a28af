-- Live classes: what a study session stands at while it runs, its polls, and attendance as presence saw it: one row of
-- study_session_participants an interval, open while its person is there.
--
-- study_session_json(session study_sessions) -> json

alter table study_sessions add column row_version bigint not null default 1, add column live jsonb not null default '{}',
    add column live_from timestamp, add column live_until timestamp;
alter table study_session_participants add column is_open boolean not null default false;
create index stacgate_study_sessions_list on study_sessions (study_group_id, start_time desc, id desc);
create index stacgate_session_participants_open on study_session_participants (session_id) where is_open;

create table session_polls (
    id varchar primary key,
    session_id varchar not null references study_sessions on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    question text not null,
    options jsonb not null,
    multiple boolean not null,
    anonymous boolean not null,
    opened_by varchar not null references users on delete cascade,
    opened_at timestamp not null,
    closed_at timestamp
);
create index session_polls_session on session_polls (session_id, opened_at, id);
create index session_polls_opener on session_polls (opened_by);
select stacgate_tenant_table('session_polls');

create table session_poll_votes (
    poll_id varchar not null references session_polls on delete cascade,
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    options text[] not null,
    voted_at timestamp not null,
    primary key (poll_id, user_id)
);
create index session_poll_votes_user on session_poll_votes (user_id);
select stacgate_tenant_table('session_poll_votes');

create function study_session_json(s study_sessions) returns json language sql stable as $$
    select json_build_object('id', s.id, 'studyGroupId', s.study_group_id, 'hostId', s.host_id, 'title', s.title, 'description', s.description,
        'startTime', iso8601(s.start_time), 'endTime', iso8601(s.end_time), 'isRecurring', coalesce(s.is_recurring, false),
        'recurrencePattern', s.recurrence_pattern, 'maxParticipants', s.max_participants,
        'currentParticipants', coalesce(s.current_participants, 0), 'meetingRoomId', s.meeting_room_id, 'status', coalesce(s.status, 'scheduled'),
        'startedAt', iso8601(s.live_from), 'endedAt', iso8601(s.live_until), 'createdAt', iso8601(coalesce(s.created_at, 'epoch')),
        'updatedAt', iso8601(coalesce(s.updated_at, s.created_at, 'epoch')))
$$;
