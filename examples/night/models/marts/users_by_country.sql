select c.country_code, c.country, count(u.user_id) as users, count(u.user_id) filter (where u.is_active) as active_users
from {{ ref('stg_country') }} c left join {{ ref('stg_user') }} u using (country_id)
group by 1, 2
