select * from {{ ref("broken_parent") }}
