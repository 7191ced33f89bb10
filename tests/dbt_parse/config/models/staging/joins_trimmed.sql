select * from {{ source('raw', 'Plain') -}}
join {{ source('raw', 'Plain') }} c using (id)
