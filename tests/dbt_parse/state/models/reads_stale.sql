select * from {{ source('core', 'stale') }}
