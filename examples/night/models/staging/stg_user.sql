select "UserId" as user_id, "CountryId" as country_id, "CurrencyId" as currency_id, "Balance" as balance,
       "UserVerificationStatusId" as user_verification_status_id, "IsActive" as is_active, "CreatedAt" as created_at
from {{ source('core', 'User') }}
