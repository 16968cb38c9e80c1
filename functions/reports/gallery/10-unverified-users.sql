-- title: Unverified for more than 3 days
-- description: Users who registered more than 3 days ago and have not verified their address, the oldest first.
-- assumes: at most 60 rows
select id, email, username, created_at, cast(julianday('now') - julianday(created_at) as integer) as days
from users
where email_verified = 0 and created_at < strftime('%FT%TZ', 'now', '-3 days')
order by created_at, id
limit 60
