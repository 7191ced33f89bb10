select id from {{ ref('on_broken') }}
