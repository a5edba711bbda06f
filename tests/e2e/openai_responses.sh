# The published openai client, unmodified: responses, and tools and forms of chat completions, against `tenon serve`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
client_test openai_responses
