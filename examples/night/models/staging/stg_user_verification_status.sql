select "UserVerificationStatusId" as user_verification_status_id, "Code" as user_verification_status
from {{ source('core', 'UserVerificationStatus') }}
