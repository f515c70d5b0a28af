-- One batch of what the log no longer keeps. $1 after this channel, $2 events kept, $3 age in ms, $4 rows at most. (channel, deleted)
select channel, deleted from channel_retention($1, $2, $3::bigint * interval '1 millisecond', $4::integer)
