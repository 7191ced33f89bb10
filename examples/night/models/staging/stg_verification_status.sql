select "VerificationStatusId" as verification_status_id, "Code" as verification_status, "SortOrder" as sort_order
from {{ source('core', 'VerificationStatus') }}
