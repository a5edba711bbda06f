# The ai package with its providers, and langchain, unmodified, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
client_test frameworks_client
