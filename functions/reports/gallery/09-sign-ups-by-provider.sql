-- title: Sign-ups by provider
-- description: How many of the current users registered in each of the last 6 months by password, Google and GitHub, and how many have verified their address.
-- assumes: deleted users are not counted: they have no row in users
select substr(created_at, 1, 7) as month, provider, count(*) as users, sum(email_verified) as verified,
    round(100.0 * sum(email_verified) / count(*), 1) as verified_percent
from users
where created_at >= date('now', 'start of month', '-5 months')
group by month, provider
order by month desc, users desc, provider
