select 1 as id, id as parent_id from {{ ref('contracted') }}
