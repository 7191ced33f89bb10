select id, made_by as before from {{ ref('one') }}
