select * from {{ source('core', 'orders') }}
