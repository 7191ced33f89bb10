select s.user_verification_status, sum(u.balance * c.rate_to_euro) as balance
from {{ ref('stg_user') }} u
join {{ ref('stg_currency') }} c using (currency_id)
join {{ ref('stg_user_verification_status') }} s using (user_verification_status_id)
group by 1
