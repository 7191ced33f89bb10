select * from {{ ref('daily') }}
