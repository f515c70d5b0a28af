-- A board as REST gives it, without its elements.
create function board_json(w whiteboards) returns json language sql stable as $$
    select json_build_object('id', w.id, 'studyGroupId', w.study_group_id, 'createdBy', w.created_by, 'title', w.title,
                             'isActive', coalesce(w.is_active, true), 'locked', w.locked, 'createdAt', iso8601(w.created_at),
                             'updatedAt', iso8601(w.updated_at))
$$;
