/* The public interface's methods, settings and requests. */
#include "engine/public/request.h"

#include "engine/family.h"

const char *ce_method_at(size_t i)
{
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    return i < count ? methods[i].name : NULL;
}

const char *ce_setting_name(size_t i)
{
    const struct ce_setting *setting = ce_setting_at(i);
    return setting ? setting->name : NULL;
}

const char *ce_setting_help(const char *name)
{
    const struct ce_setting *setting = ce_setting_find(name);
    return setting ? setting->help : NULL;
}

ce_request ce_request_defaults(void) { return (ce_request){.strength = 1.0f}; }

static lt_status put_choice(lt_ctx *ctx, const struct ce_method *method, const ce_choice *choice,
                            struct ce_edit_settings *settings)
{
    const char *name = choice->name ? choice->name : "", *text = choice->value ? choice->value : "";
    const struct ce_setting *setting = ce_setting_find(name);
    double value;
    if (!setting)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "there is no setting '%s'", name);
    if (!ce_setting_used(settings, setting))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "the method %s has no setting '%s'", method->name,
                       name);
    if (!ce_setting_read(setting, text, &value) || !ce_setting_put(settings, setting, value)) {
        if (setting->kind == CE_SETTING_CHOICE)
            return lt_fail(ctx, LT_ERR_ARGUMENT, "setting %s is '%s', expected one of %s", name,
                           text, setting->choices);
        return lt_fail(ctx, LT_ERR_ARGUMENT, "setting %s is '%s', expected %s from %.16g to %.16g",
                       name, text, setting->kind == CE_SETTING_INT ? "a whole number" : "a number",
                       setting->low, setting->high);
    }
    return LT_OK;
}

lt_status ce_request_prepare(ce_model *model, const ce_request *request,
                             const struct ce_method *method, struct ce_edit_settings *settings)
{
    lt_ctx *ctx = model->models.ctx;
    lt_status status = LT_OK;
    if (!request->target)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "the request has no target sentence");
    *settings = ce_method_settings(method);
    for (size_t i = 0; i < request->setting_count && status == LT_OK; i++)
        status = put_choice(ctx, method, &request->settings[i], settings);
    ce_edit_settings_seed(settings, request->seed);
    return status == LT_OK ? ce_model_need(model, ce_edit_needs(settings)) : status;
}
