-- Younger tables point into their own school too, by keys that include it, as the older ones do (0002). Message reactions and votes have no
-- such key: it would put one more index on every message; row security and their message's own key hold them.
create unique index session_polls_tenant_key on session_polls (id, establishment_id);
alter table session_polls add constraint session_polls_session_id_tenant foreign key (session_id, establishment_id)
    references study_sessions (id, establishment_id) on delete cascade;
alter table session_poll_votes add constraint session_poll_votes_poll_id_tenant foreign key (poll_id, establishment_id)
    references session_polls (id, establishment_id) on delete cascade;
alter table assessments add constraint assessments_draft_of_tenant foreign key (draft_of, establishment_id)
    references assessments (id, establishment_id) on delete cascade;
alter table assessment_versions add constraint assessment_versions_assessment_id_tenant foreign key (assessment_id, establishment_id)
    references assessments (id, establishment_id) on delete cascade;
