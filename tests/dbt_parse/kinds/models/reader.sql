select * from {{ ref('fact') }} union all select * from {{ ref('fact', v=1) }} union all select id, 1 from {{ ref('dim') }}
