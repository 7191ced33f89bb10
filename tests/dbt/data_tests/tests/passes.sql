select * from {{ ref('good') }} where id is null
