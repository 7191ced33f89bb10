select "VerificationPaymentTypeId" as verification_payment_type_id, "Code" as verification_payment_type, "Fee" as fee
from {{ source('core', 'VerificationPaymentType') }}
