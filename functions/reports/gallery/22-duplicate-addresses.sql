-- title: Addresses that look alike
-- description: Groups of users whose addresses differ only in dots or in a +tag before the @, and therefore may belong to one person.
-- assumes: many providers deliver such addresses to one mailbox, but not all
with parts as (
    select id, email, lower(substr(email, 1, instr(email, '@') - 1)) as local, lower(substr(email, instr(email, '@'))) as domain
    from users
),
mailboxes as (
    select id, email, replace(iif(instr(local, '+') > 1, substr(local, 1, instr(local, '+') - 1), local), '.', '') || domain as mailbox
    from parts
)
select mailbox, count(*) as users, string_agg(email, ', ' order by email) as addresses, string_agg(id, ', ' order by email) as ids
from mailboxes
group by mailbox
having count(*) > 1
order by users desc, mailbox
limit 60
