select id, 2 as other from {{ ref('a') }}
