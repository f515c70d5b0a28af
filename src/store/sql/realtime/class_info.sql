-- A class as it stands: what REST gives, its host and group, its state, who belongs to the group ([user id, role]), its polls
-- ([what is shown, is it closed, [[user id, option ids] …]]) and the intervals of presence that were not ended ([user id, row, from ms,
-- until ms]), its version. $1 session id, $2 establishment.
select study_session_json(s), s.host_id, s.study_group_id, s.live,
       (select coalesce(jsonb_agg(jsonb_build_array(m.user_id, coalesce(m.role, 'member'))), '[]')
        from study_group_members m where m.study_group_id = s.study_group_id and m.establishment_id = s.establishment_id and m.is_active),
       (select coalesce(jsonb_agg(jsonb_build_array(
                   jsonb_build_object('id', p.id, 'question', p.question, 'options', p.options, 'multiple', p.multiple, 'anonymous', p.anonymous,
                                      'openedBy', p.opened_by, 'openedAt', iso8601(p.opened_at)), p.closed_at is not null,
                   (select coalesce(jsonb_agg(jsonb_build_array(v.user_id, v.options)), '[]') from session_poll_votes v where v.poll_id = p.id))
                   order by p.opened_at, p.id), '[]')
        from session_polls p where p.session_id = s.id and p.establishment_id = s.establishment_id),
       (select coalesce(jsonb_agg(jsonb_build_array(p.user_id, p.id, (extract(epoch from p.joined_at) * 1000)::bigint,
                   (extract(epoch from p.left_at) * 1000)::bigint)), '[]')
        from study_session_participants p where p.session_id = s.id and p.establishment_id = s.establishment_id and p.is_open), s.row_version
from study_sessions s where s.id = $1 and s.establishment_id = coalesce($2, s.establishment_id)
