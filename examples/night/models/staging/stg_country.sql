select "CountryId" as country_id, "Alpha2" as country_code, "Name" as country, "IsSupported" as is_supported
from {{ source('core', 'Country') }}
