-- The school of a thing, for those who are in none: the look-up of who asks also says where that is.
--
-- stacgate_place_of(user_id, kind, id) -> text    the establishment of a thing, or null. For an active super_admin, of any
--     establishment user course module training_session assessment group study_group whiteboard class study_session certificate export, and
--     room: a topic ("group:ID"), or the id of what has a channel. For nobody (null): of a course that everybody may see, and
--     host: the school whose domain that is
-- stacgate_tenant_of(kind, id): the same for stacgate.user_id

create function stacgate_place_of(p_user_id text, p_kind text, p_id text) returns text
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    of_kind constant text := case when strpos(p_id, ':') > 0 then split_part(p_id, ':', 1) end;
    of_id constant text := substr(p_id, strpos(p_id, ':') + 1);
begin
    if p_user_id is null then
        return case p_kind when 'course' then course_tenant(p_id) when 'host' then establishment_at(null, p_id) end;
    end if;
    if not exists (select from users where id = p_user_id and role = 'super_admin' and is_active is not false) then
        return null;
    end if;
    return case p_kind
        when 'establishment' then (select id from establishments where id = p_id)
        when 'user' then (select establishment_id from users where id = p_id)
        when 'course' then (select establishment_id from courses where id = p_id)
        when 'module' then (select establishment_id from course_modules where id = p_id)
        when 'training_session' then (select establishment_id from training_sessions where id = p_id)
        when 'assessment' then (select establishment_id from assessments where id = p_id)
        when 'group' then (select establishment_id from study_groups where id = p_id)
        when 'study_group' then (select establishment_id from study_groups where id = p_id)
        when 'whiteboard' then (select establishment_id from whiteboards where id = p_id)
        when 'class' then (select establishment_id from study_sessions where id = p_id)
        when 'study_session' then (select establishment_id from study_sessions where id = p_id)
        when 'certificate' then (select establishment_id from certificates where id = p_id)
        when 'export' then (select establishment_id from export_jobs where id = p_id)
        when 'room' then (select t.school from unnest(array['group', 'whiteboard', 'class', 'course', 'assessment', 'establishment']) k (kind),
                                 stacgate_place_of(p_user_id, k.kind, of_id) t (school)
                          where t.school is not null and k.kind = coalesce(of_kind, k.kind) limit 1)
    end;
end $$;

create or replace function stacgate_tenant_of(p_kind text, p_id text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select stacgate_place_of(coalesce(current_setting('stacgate.user_id', true), ''), p_kind, p_id)
$$;

select stacgate_publish('stacgate_place_of(text, text, text)'::regprocedure);
