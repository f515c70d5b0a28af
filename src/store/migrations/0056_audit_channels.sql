-- What moderators do in channels joins the audit log. An act there is an event, so the event's row says it, in the transaction that the act is
-- committed in: who was removed, muted or given a role, whose message was deleted by another, what was locked. What somebody does to what
-- is theirs (leaving, deleting one's own message, one's own board) is none.
--
-- Actions: member.kicked .muted .unmuted .role · message.deleted · group.locked .unlocked · board.locked .unlocked .deleted

select stacgate_definer_reads('study_group_messages', 'select');

create function audit_channel_events() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    topic constant text := (select c.topic from channels c where c.id = new.channel);
    kind constant text := split_part(topic, ':', 1);
    place constant jsonb := jsonb_build_object('channel', topic);
    owner text;
begin
    if new.event like 'member:%' then
        perform audit_note('member.' || split_part(new.event, ':', 2), 'user', new.ref,
                           place || jsonb_strip_nulls(jsonb_build_object('until', new.payload -> 'until', 'role', new.payload -> 'role')),
                           new.establishment_id, new.actor_id);
    elsif new.event = 'message:deleted' then
        select sender_id into owner from study_group_messages where id = new.ref;
        if owner is distinct from new.actor_id then
            perform audit_note('message.deleted', 'message', new.ref, place || jsonb_build_object('of', owner), new.establishment_id, new.actor_id);
        end if;
    elsif new.event = 'whiteboard:deleted' then
        select created_by into owner from whiteboards where id = split_part(topic, ':', 2);
        if owner is distinct from new.actor_id then
            perform audit_note('board.deleted', 'board', split_part(topic, ':', 2), place || jsonb_build_object('of', owner), new.establishment_id, new.actor_id);
        end if;
    elsif not new.payload ? 'ids' then
        perform audit_note(case kind when 'group' then 'group.' else 'board.' end || case when (new.payload ->> 'locked')::boolean then 'locked' else 'unlocked' end,
                           case kind when 'group' then 'group' else 'board' end, split_part(topic, ':', 2), place, new.establishment_id, new.actor_id);
    end if;
    return null;
end $$;
revoke execute on function audit_channel_events() from public;
alter function audit_channel_events() owner to stacgate_definer;
create trigger audit after insert on channel_events for each row
    when (new.event in ('member:kicked', 'member:muted', 'member:unmuted', 'member:role', 'message:deleted', 'whiteboard:deleted')
          or new.event in ('group:updated', 'whiteboard:updated') and new.payload ? 'locked')
    execute function audit_channel_events();
