select * from {{ ref('granted') }}
