select id, upper(email) as email, {{ var('k', 3) }} as k, {{ mult() }} as m from {{ ref('users') }} where email like '%@%'
