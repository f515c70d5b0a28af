-- named_here(tenant text, kind text, id text) -> boolean        whether a list's filter names something of the school: lists answer 404 for
-- what is another's or nobody's, as if it did not exist, and [] only for what is there. tenant: the application's filter, null: the
-- setting's school. Without a school, or without an id, there is nothing to find out: true.
create function named_here(p_tenant text, p_kind text, p_id text) returns boolean language sql stable as $$
    select p_id is null or s.id is null or case p_kind
               when 'course' then exists (select from courses c where c.id = p_id and c.establishment_id = s.id)
               when 'training_session' then exists (select from training_sessions t where t.id = p_id and t.establishment_id = s.id)
               when 'assessment' then exists (select from assessments a where a.id = p_id and a.establishment_id = s.id)
               when 'user' then exists (select from person_cards(array[p_id]))
           end
    from (select coalesce(nullif(p_tenant, ''), nullif(current_setting('stacgate.establishment_id', true), '')) as id) s
$$;
