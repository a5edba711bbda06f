#include "tenon/text/chat_template.hpp"

#include "text/jinja/interp.hpp"
#include "text/jinja/parser.hpp"
#include "text/jinja/variables.hpp"

namespace tenon::text {

struct Template::Impl {
    jinja::Program program;
    TemplateLimits limits;
};

Template::Template(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source, const TemplateLimits& limits) {
    if (source.size() > limits.max_output_bytes)
        return fail(ErrorCode::resource_exhausted, "the template is longer than the limit of its output");
    TENON_TRY(jinja::Program program, jinja::parse_program(source, limits.max_depth));
    return Template(std::make_shared<const Impl>(Impl{std::move(program), limits}));
}

Result<std::string> Template::render(const json::Value& context, std::chrono::system_clock::time_point now) const {
    jinja::Interp interp(impl_->program, impl_->limits, now);
    std::string out;
    if (!interp.run(context, out)) return std::unexpected(interp.error());
    return out;
}

std::vector<std::string> Template::variables() const { return jinja::undeclared_variables(impl_->program); }

}  // namespace tenon::text
