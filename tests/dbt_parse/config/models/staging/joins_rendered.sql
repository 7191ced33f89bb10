{{ config(tags=['rendered'], level=1) }}
select * from {{ source('raw', 'Plain') }} a
join {{ source('quoted', 't') }} b using (id)
join {{ source('raw', 'Plain') }} c using (id)
