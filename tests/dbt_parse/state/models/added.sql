select * from {{ ref('config') }}
