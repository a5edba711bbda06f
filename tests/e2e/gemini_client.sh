# The published @google/genai client, unmodified, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
client_test gemini_client
