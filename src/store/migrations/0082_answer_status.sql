-- An answer whose status is not its operation's usual one: the idempotency key gives that status again too.
create function answer(j json, status integer) returns json language sql volatile as $$
    select case when set_config('stacgate.answer_status', status::text, true) is not null then answer(j) end
$$;
