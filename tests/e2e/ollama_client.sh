# The published ollama client, unmodified, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
client_test ollama_client
