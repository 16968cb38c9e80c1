-- title: Admins and their last sign-in
-- description: All admins, with the last day on which any user signed in by a method that this admin can use.
-- assumes: the tables count sign-ins by day and method, not by person, so this is the latest day on which the admin can have signed in
select u.id, u.email, u.username, u.provider, u.email_verified, u.is_active, u.created_at, max(d.day) as last_day_of_method
from users u
left join sign_ins_by_day d
    on d.sign_ins > 0 and (d.method = u.provider or (u.provider = 'local' and d.method in ('password', 'code')))
where u.is_admin = 1
group by u.id
order by u.created_at, u.id
limit 60
