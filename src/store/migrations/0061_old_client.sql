-- What the old browser client's screens for the whole installation read, for an active super_admin and nobody else; and accounts whose names
-- are never null, because that client's pages end at a null.
--
-- people_everywhere(most, key timestamp, id) -> table (at timestamp, id text, person json)     newest first, after the cursor
-- establishments_everywhere() -> table (at timestamp, id text, school json)                    with how many people, courses, themes

create or replace function user_json(p_id text) returns json language sql stable as $$
    select json_build_object('id', id, 'establishmentId', establishment_id, 'email', email, 'username', username,
        'firstName', coalesce(first_name, ''), 'lastName', coalesce(last_name, ''),
        'profileImageUrl', profile_image_url, 'avatar', profile_image_url, 'role', role, 'phoneNumber', phone_number,
        'department', department, 'position', position, 'bio', bio, 'preferences', preferences, 'isActive', is_active is not false,
        'isEmailVerified', coalesce(is_email_verified, false), 'lastLoginAt', iso8601(last_login_at), 'createdAt', iso8601(created_at),
        'updatedAt', iso8601(updated_at))
    from users where id = p_id
$$;

create function people_everywhere(p_most bigint, p_key timestamp, p_id text) returns table (at timestamp, id text, person json)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select x.at, x.id, (user_json(x.id)::jsonb || jsonb_build_object('establishmentName', e.name))::json
    from (select coalesce(u.created_at, 'epoch') as at, u.id::text, u.establishment_id from users u
          where (select stacgate_is_super_admin()) and (p_key is null or (coalesce(u.created_at, 'epoch'), u.id) < (p_key, p_id))
          order by coalesce(u.created_at, 'epoch') desc, u.id desc limit p_most) x left join establishments e on e.id = x.establishment_id
$$;

create function establishments_everywhere() returns table (at timestamp, id text, school json)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(e.created_at, 'epoch'), e.id::text, json_build_object('id', e.id, 'name', e.name, 'slug', e.slug,
        'description', coalesce(e.description, ''), 'logo', e.logo, 'domain', e.domain, 'isActive', e.is_active is not false,
        'stats', json_build_object('users', (select count(*) from users u where u.establishment_id = e.id),
                                   'courses', (select count(*) from courses c where c.establishment_id = e.id),
                                   'themes', (select count(*) from themes t where t.establishment_id = e.id)))
    from establishments e where (select stacgate_is_super_admin())
$$;

select stacgate_publish(f::regprocedure)
from unnest(array['people_everywhere(bigint, timestamp, text)', 'establishments_everywhere()']) as f;
