-- title: Users by tier
-- description: How many users have each tier now, and their share of all users.
-- assumes: tier 0 is a user without a subscription that gives access
select tier, count(*) as users, round(100.0 * count(*) / sum(count(*)) over (), 1) as percent
from users
group by tier
order by tier
