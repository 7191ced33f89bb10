select "CurrencyId" as currency_id, "Code" as currency_code, "Name" as currency, "RateToEuro" as rate_to_euro
from {{ source('core', 'Currency') }}
