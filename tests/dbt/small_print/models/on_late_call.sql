select * from {{ ref('late_call') }}
