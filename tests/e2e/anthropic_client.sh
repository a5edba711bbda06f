# The published @anthropic-ai/sdk client, unmodified, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
client_test anthropic_client
