select sum(id) as s from {{ ref('inferred') }}
