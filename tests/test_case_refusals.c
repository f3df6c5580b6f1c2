#include "cases.h"

/* One line of a good case is spoilt at a time, so the message must come from that line alone. */
START_TEST(test_case_load__refuses_with_file_line_and_key)
{
    const struct {
        int line;
        const char *text, *expected;
    } t[] = {
        {1, "{\"schema\": \"gref-case/2\",",
         ":1: schema must be \"gref-case/1\", not \"gref-case/2\""},
        {1, "{\"title\": \"x\",", ":1: schema is missing"},
        {1, "{\"schema\": \"gref-case/1\", \"title\": 3,", ":1: title must be a string, not 3"},
        {1, "{\"schema\": \"gref-case/1\", \"imag\": 3,",
         ":1: unknown key imag (did you mean image?)"},
        {2, "", ":1: image is missing (a prior of kind \"adsn\" needs it)"},
        {2, " \"image\": \"u.npy\",", ":2: image must be an object {...}, not \"u.npy\""},
        {2, " \"image\": {},", ":2: image.file is missing"},
        {2, " \"image\": {\"file\": 1},", ":2: image.file must be a file name, not 1"},
        {2, " \"image\": {\"file\": \"\"},", ":2: image.file must be a file name, not empty"},
        {2, "\n\n \"image\":\n{\"file\": \"u\",\n \"crop\": [0, 0, 4]},",
         ":6: image.crop must be [row, col, rows, cols], not [0, 0, 4]"},
        {2, " \"image\": {\"file\": \"u\", \"crop\": [0, 0, 4,\n 0]},",
         ":3: image.crop.3 must be >= 1, not 0"},
        {2, " \"image\": {\"file\": \"u\", \"crop\": [0, -1, 4, 4]},",
         ":2: image.crop.1 must be >= 0, not -1"},
        {2, " \"image\": {\"file\": \"u\", \"crop\": [0, 0, 4.0, 4]},",
         ":2: image.crop.2 must be an integer, not 4.0"},
        {2, " \"image\": {\"file\": \"u\", \"crop\": [0, 0, 4, 2147483648]},",
         ":2: image.crop.3 must be <= 2147483647, not 2147483648"},
        {2, " \"image\": {\"file\": \"u\", \"range\": [1, -1]},",
         ":2: image.range must increase, but -1 comes after 1"},
        {2, " \"image\": {\"file\": \"u\", \"range\": [1]},",
         ":2: image.range must be a list of two numbers, not [1]"},
        {3, " \"prior\": {\"mean\": \"zeros\"},",
         ":3: prior.mean must be a number or one of \"image\", \"zero\", not \"zeros\" (did you "
         "mean "
         "zero?)"},
        {3, " \"prior\": {\"kind\": \"adsn_window\"},",
         ":3: prior.window is missing (kind \"adsn_window\" needs it)"},
        {3, " \"prior\": {\"kind\": \"adsn\",\n \"window\": [0, 0, 2, 2]},",
         ":4: prior.window does not belong to kind \"adsn\" (its keys: kind, mean)"},
        {3, " \"prior\": {\"kind\": \"patches\", \"size\": 3},",
         ":3: prior.size must be [rows, cols], not 3"},
        {3, " \"prior\": {\"kind\": \"gaussian\", \"mean\": \"\", \"cov\": \"C.npy\"},",
         ":3: prior.mean must be a number or a file name, not empty"},
        {3, " \"prior\": {\"kind\": \"gaussian\", \"mean\": true, \"cov\": \"C.npy\"},",
         ":3: prior.mean must be a number or a file name, not true"},
        {4, " \"operator\": {", ":4: operator.kind is missing"},
        {4, " \"operator\": {\"kind\": \"gausian_blur\",",
         ":4: operator.kind must be one of \"none\", \"identity\", \"gaussian_blur\", "
         "\"motion_blur\", "
         "\"kernel\", "
         "\"super_resolution\", \"inpainting\", \"matrix\", not \"gausian_blur\" (did you mean "
         "gaussian_blur?)"},
        {4, " \"operator\": {\"kind\": \"kernel\", \"file\": \"K.npy\",",
         ":5: operator.std does not belong to kind \"kernel\" (its keys: kind, file, boundary, "
         "correlate)"},
        {4, " \"operator\": {\"kind\": \"gaussian_blur\", \"boundary\": \"mirror\",",
         ":4: operator.boundary must be one of \"periodic\", \"zero\", \"reflect\", \"symmetric\", "
         "\"replicate\", \"valid\", not \"mirror\""},
        {4, " \"operator\": {\"kind\": \"gaussian_blur\", \"correlate\": 1,",
         ":4: operator.correlate must be true or false, not 1"},
        {5, "", ":4: operator.std is missing (kind \"gaussian_blur\" needs it)"},
        {5, "   \"std\": 0,", ":5: operator.std must be > 0, not 0"},
        {5, "   \"std\": \"1\",", ":5: operator.std must be a number, not \"1\""},
        {5, "   \"std\": null,", ":5: operator.std must be a number, not null"},
        {5, "   \"sdt\": 1, \"std\": 1,", ":5: unknown key operator.sdt (did you mean std?)"},
        {5, "   \"zzzz\": 1, \"std\": 1,",
         ":5: unknown key operator.zzzz (known here: kind, std, size, boundary, correlate)"},
        {5, "   \"a\\nb\": 1, \"std\": 1,",
         ":4: unknown key operator.a?b (known here: kind, std, size, boundary, correlate)"},
        {5, "   \"\\u0073td\": -1,", ":5: operator.std must be > 0, not -1"},
        {6, "   \"size\": 8},", ":6: operator.size must be odd, not 8"},
        {6, "   \"size\": 7.0},", ":6: operator.size must be an integer, not 7.0"},
        {6, "   \"size\": -1},", ":6: operator.size must be >= 1 and <= 4095, not -1"},
        {7, "", ":1: noise is missing"},
        {7, " \"noise\": {},", ":7: noise.sigma is missing"},
        {7, " \"noise\": {\"sigm\": 0.1},", ":7: unknown key noise.sigm (did you mean sigma?)"},
        {7, " \"noise\": {\"sigma\": -0.5},", ":7: noise.sigma must be >= 0, not -0.5"},
        {7, " \"noise\": {\"sigma\": 1}, \"noise.sigm\": 1,",
         ":7: unknown key noise.sigm (known here: schema, title, comment, image, prior, operator, "
         "noise, "
         "observation, schedule, samplers, conventions, report)"},
        {7, " \"noise\": {\"sigma\": 1}, \"observation\": {\"seed\": -1},",
         ":7: observation.seed must be >= 0, not -1"},
        {7, " \"noise\": {\"sigma\": 1}, \"observation\": {\"kind\": \"file\"},",
         ":7: observation.file is missing (kind \"file\" needs it)"},
        {8, " \"samplers\": {}, \"conventions\": [3,",
         ":8: samplers must be a list [{...}, ...], not {}"},
        {8, " \"samplers\": [3,", ":8: samplers.0 must be an object {...}, not 3"},
        {8, " \"samplers\": [{\"name\": \"ddim\"},",
         ":8: samplers.0.name must be one of \"unconditional\", \"ddpm\", \"dps\", \"pigdm\", "
         "\"cgdm\", "
         "\"mmps\", \"tmpd-full\", \"tmpd\", \"pigdm-code\", \"pigdm-weighted\", "
         "\"dps-square\", \"dps-norm\", \"ddrm\", \"ddnm\", \"ddnm+\", \"diffpir\", "
         "\"affine\", not \"ddim\" "
         "(did you "
         "mean ddpm?)"},
        {9, "   {\"label\": \"x\"}],", ":9: samplers.1.name is missing"},
        {9, "   {\"name\": \"dps\", \"r2\": \"1-abar\"}],",
         ":9: samplers.1.r2 does not belong to name \"dps\" (its keys: name, label, preset, "
         "faults, fault, "
         "scheme, eta, eta_on, times, steps, spacing, alpha, guidance, zeta, variance, last_noise, "
         "start, target)"},
        {9, "   {\"name\": \"dps\", \"alpha\": 0}],", ":9: samplers.1.alpha must be > 0, not 0"},
        {9, "   {\"name\": \"pigdm\", \"r2\": \"abar\"}],",
         ":9: samplers.1.r2 must be one of \"1-abar\", \"(1-abar)/abar\", \"(1-abar)/(2-abar)\", "
         "not "
         "\"abar\" (did you mean 1-abar?)"},
        {9, "   {\"name\": \"dps\", \"label\": \"a b\"}],",
         ":9: samplers.1.label must be 1 to 63 characters out of A-Z a-z 0-9 _ . + = -, not \"a "
         "b\""},
        {9, "   {\"name\": \"dps\", \"label\": \"target\"}],",
         ":9: samplers.1.label cannot be \"target\", which names the true law in the files "
         "written"},
        {9, "   {\"name\": \"dps\", \"label\": \"x\"},\n {\"name\": \"dps\", \"label\": \"x\"}],",
         ":10: samplers.2.label \"x\" is also the label of samplers.1"},
        {9, "   {\"name\": \"dps\", \"guidance\": \"after\"}],",
         ":9: conventions.zeta is missing (samplers.1, \"dps\", has guidance \"after\")"},
        {9, "   {\"name\": \"dps-norm\"}],",
         ":9: samplers.1.zeta is missing (\"dps-norm\" needs it: its step size)"},
        {9, "   {\"name\": \"dps-norm\", \"zeta\": 1, \"guidance\": \"mean\"}],",
         ":9: samplers.1.guidance does not belong to name \"dps-norm\" (its keys: name, label, "
         "preset, faults, fault, "
         "scheme, eta, eta_on, times, steps, spacing, zeta, variance, last_noise, start, target)"},
        {9, "   {\"name\": \"dps\", \"scheme\": \"dim\"}],",
         ":9: samplers.1.scheme must be one of \"ddpm\", \"ddim\", \"em\", \"ei\", \"euler\", "
         "\"heun\", \"rk4\", not \"dim\" (did you mean "
         "ddim?)"},
        {9, "   {\"name\": \"dps\", \"eta\": 0.5}],",
         ":9: samplers.1.eta has no use for dps: only the scheme \"ddim\" and the rows that "
         "project "
         "have one"},
        {9, "   {\"name\": \"dps\", \"scheme\": \"ddpm\",\n \"eta\": 0}],",
         ":10: samplers.1.eta has no use for dps: only the scheme \"ddim\" and the rows that "
         "project "
         "have one"},
        {9, "   {\"name\": \"dps\", \"scheme\": \"ddim\", \"eta\": 1.5}],",
         ":9: samplers.1.eta must be >= 0 and <= 1, not 1.5"},
        {9, "   {\"name\": \"dps\", \"scheme\": \"ddim\", \"guidance\": \"mean\"}],",
         ":9: samplers.1.guidance is \"mean\", which goes with the scheme \"ddpm\" only: "
         "samplers.1, \"dps\", has the scheme \"ddim\""},
        {9,
         "   {\"name\": \"dps\", \"scheme\": \"ddim\"}], \"conventions\": {\"guidance\": "
         "\"mean\"},",
         ":9: conventions.guidance is \"mean\", which goes with the scheme \"ddpm\" only: "
         "samplers.1, \"dps\", has the scheme \"ddim\""},
        {9, "   {\"name\": \"dps\", \"times\": [20, 10,\n 10, 0]}],",
         ":10: samplers.1.times must decrease, but 10 comes after 10"},
        {9, "   {\"name\": \"dps\", \"times\": [10, 15]}],",
         ":9: samplers.1.times must decrease, but 15 comes after 10"},
        {9, "   {\"name\": \"dps\", \"times\": [5, -1]}],",
         ":9: samplers.1.times.1 must be >= 0, not -1"},
        {9, "   {\"name\": \"dps\", \"times\": [5, 0.5]}],",
         ":9: samplers.1.times.1 must be an integer, not 0.5"},
        {9, "   {\"name\": \"dps\", \"times\": [21, 0]}],",
         ":9: samplers.1.times.0 is 21, but the schedule has 20 steps"},
        {9, "   {\"name\": \"dps\", \"times\": [5]}],",
         ":9: samplers.1.times must have at least 2 entries, not [5]"},
        {9, "   {\"name\": \"dps\", \"times\": 5}],",
         ":9: samplers.1.times must be a list of integers, not 5"},
        {9, "   {\"name\": \"dps\", \"file\": \"c.npz\"}],",
         ":9: samplers.1.file does not belong to name \"dps\" (its keys: name, label, preset, "
         "faults, fault, scheme, eta, "
         "eta_on, "
         "times, steps, spacing, alpha, guidance, zeta, variance, last_noise, start, target)"},
        {9, "   {\"name\": \"affine\"}],",
         ":9: samplers.1.file is missing (name \"affine\" needs it)"},
        {9, "   {\"name\": \"affine\", \"file\": \"c.npz\", \"eta\": 0}],",
         ":9: samplers.1.eta does not belong to name \"affine\" (its keys: name, label, file, "
         "target)"},
        {9, "   {\"name\": \"dps\", \"zeta\": 0.1}],",
         ":9: samplers.1.zeta has no use for dps: only guidance \"after\", dps-norm and diffpir "
         "have one"},
        {10, " \"schedule\": {\"steps\": 0},",
         ":10: schedule.steps must be >= 1 and <= 1000000, not 0"},
        {10, " \"schedule\": {\"beta\": [0.1, 1]},",
         ":10: schedule.beta.1 must be > 0 and < 1, not 1"},
        {10, " \"schedule\": {\"kind\": \"cosine\", \"beta\": [0.1, 0.2]},",
         ":10: schedule.beta does not belong to kind \"cosine\" (its keys: kind, steps)"},
        {10, " \"schedule\": {\"kind\": \"file\"},",
         ":10: schedule of kind \"file\" needs one of file, abar, sigmas"},
        {10, " \"schedule\": {\"kind\": \"file\", \"file\": \"b.npy\", \"abar\": \"a.npy\"},",
         ":10: schedule.abar cannot stand beside schedule.file: give one"},
        {10, " \"schedule\": {\"kind\": \"edm\", \"steps\": 1},",
         ":10: schedule.steps must be >= 2 and <= 1000000, not 1"},
        {10, " \"schedule\": {\"kind\": \"edm\", \"sigma\": [0, 80]},",
         ":10: schedule.sigma.0 must be > 0, not 0"},
        {10, " \"schedule\": {\"kind\": \"edm\", \"sigma\": [80, 1]},",
         ":10: schedule.sigma must increase, but 1 comes after 80"},
        {10, " \"schedule\": {\"kind\": \"vp\", \"span\": [1, 0.5]},",
         ":10: schedule.span must increase, but 0.5 comes after 1"},
        {10, " \"schedule\": {\"steps\": 8},",
         ":11: report.laws_at.0 is 10, but the schedule has 8 steps"},
        {11, " \"report\": {\"laws_at\": [3,\n 3]}}", ":12: report.laws_at.1 repeats the time 3"},
        {11, " \"report\": {\"laws_at\": [-1]}}", ":11: report.laws_at.0 must be >= 0, not -1"},
        {11, " \"report\": {\"laws_at\": []}}", ":11: report.laws_at must not be empty"},
        {11, " \"report\": {\"w2_every\": 0}}", ":11: report.w2_every must be >= 1, not 0"},
        {11, " \"conventions\":\n {\"guidance\": \"after\"}}",
         ":12: conventions.zeta is missing (samplers.0, \"cgdm\", has guidance \"after\")"},
        {11, " \"conventions\": {\"last_noise\": \"no\"}}",
         ":11: conventions.last_noise must be true or false, not \"no\""},
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++)
        assert_refused(write_lines(t[k].line, t[k].text), NULL, 0, t[k].expected);
}
END_TEST

/* A label is a file's name inside the archive: 63 characters fit, one more does not. */
START_TEST(test_case_load__limits_labels)
{
    char set[128], label[65], expected[512];
    const char *sets[] = {set, NULL};
    memset(label, 'x', 64);
    label[64] = '\0';
    snprintf(set, sizeof set, "samplers.0.label=%s", label + 1);
    gref_case *c = load(write_lines(0, NULL), sets);
    gref_case_free(c);
    snprintf(set, sizeof set, "samplers.0.label=%s", label);
    snprintf(
        expected, sizeof expected,
        "--set %s: samplers.0.label must be 1 to 63 characters out of A-Z a-z 0-9 _ . + = -, not "
        "\"%s\"",
        set, label);
    assert_refused(scratch("case.json"), sets, 1, expected);
}
END_TEST

/* The three ways to mask exclude one another, and a seed belongs to one of them. */
START_TEST(test_case_load__inpainting_has_exactly_one_mask)
{
    const struct {
        const char *keys, *expected;
    } t[] = {
        {"", ":4: operator of kind \"inpainting\" needs one of mask, box, keep"},
        {", \"seed\": 1",
         ":4: operator.seed belongs to operator.keep, which the case does not have"},
        {", \"box\": [0, 0, 1, 1],\n \"keep\": 0.5",
         ":5: operator.keep cannot stand beside operator.box: give one"},
        {", \"mask\": \"m.png\",\n \"box\": [0, 0, 1, 1]",
         ":5: operator.box cannot stand beside operator.mask: give one"},
        {", \"mask\": \"m.png\",\n \"seed\": 1",
         ":5: operator.seed belongs to operator.keep, which the case does not have"},
        {", \"keep\": 0", ":4: operator.keep must be > 0 and <= 1, not 0"},
        {", \"keep\": 1.5", ":4: operator.keep must be > 0 and <= 1, not 1.5"},
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        char text[256];
        snprintf(text, sizeof text,
                 " \"operator\": {\"kind\": \"inpainting\"%s}, \"conventions\": {\"zeta\": 1,",
                 t[k].keys);
        const char *path = write_lines(4, text);
        /* lines 5 and 6 now fall into an object that the rest does not care for */
        const char *sets[] = {"conventions={}"};
        assert_refused(path, sets, 1, t[k].expected);
    }
}
END_TEST

/* Only a gaussian prior can do without an image, and then x0 cannot be one. */
START_TEST(test_case_load__says_what_needs_an_image)
{
    const char *good = "{\"schema\": \"gref-case/1\",\n"
                       " \"prior\": {\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C.npy\"},\n"
                       " \"operator\": {\"kind\": \"identity\"}, \"noise\": {\"sigma\": 1}}";
    gref_case *c = load(write_text(good), NULL);
    gref_case_free(c);
    const char *image[] = {"observation.kind=image"}, *adsn[] = {"prior.kind=adsn"};
    assert_refused(
        scratch("case.json"), image, 1,
        "--set observation.kind=image: observation.kind is \"image\", but the case has no "
        "image");
    assert_refused(scratch("case.json"), adsn, 1,
                   "--set prior.kind=adsn: image is missing (a prior of kind \"adsn\" needs it)");
}
END_TEST

/* No JSON: jansson's line and column; no file: the system's words. */
START_TEST(test_case_load__refuses_text_that_is_no_case)
{
    gref_case *c = NULL;
    assert_refused(write_lines(5, "   \"std\": 1.5"), NULL, 0,
                   ":6:9: '}' expected near '\"size\"'");
    assert_refused(write_lines(5, "   \"std\": 1.5,\n   \"std\": 2,"), NULL, 0,
                   ":6:8: duplicate object key near '\"std\"'");
    assert_refused(write_lines(7, " \"noise\": {\"sigma\": NaN},"), NULL, 0,
                   ":7:23: invalid token near 'NaN'");
    assert_refused(write_lines(7, " \"noise\": {\"sigma\": 1e999},"), NULL, 0,
                   ":7:25: real number overflow near '1e999'");
    assert_refused(write_text("[1]"), NULL, 0, ":1: a case must be an object {...}, not [1]");
    assert_refused(write_text("\n\n {}"), NULL, 0, ":3: schema is missing");
    ck_fails(gref_case_load(&c, write_text(""), NULL, 0), GREF_ERR_CASE);
    assert_message("case.json:1:0: '[' or '{' expected near end of file");
    ck_fails(gref_case_load(&c, scratch("none.json"), NULL, 0), GREF_ERR_IO);
    assert_message("none.json: cannot be read: No such file or directory");
    ck_fails(gref_case_load(&c, scratch(""), NULL, 0), GREF_ERR_IO);
    assert_message("Is a directory");
    ck_assert_ptr_null(c);
}
END_TEST

/* The file is good, so whatever is wrong came with an override, and the message must say which. */
START_TEST(test_case_override__is_blamed_for_what_it_breaks)
{
    const struct {
        const char *sets[3], *expected;
    } t[] = {
        {{"operator.std=-2"}, "--set operator.std=-2: operator.std must be > 0, not -2"},
        {{"operator.std=-2", "noise.sigma=1"},
         "--set operator.std=-2: operator.std must be > 0, not -2"},
        {{"operator.std=1", "operator.std=x"},
         "--set operator.std=x: operator.std must be a number, not \"x\""},
        {{"noise={}"}, "--set noise={}: noise.sigma is missing"},
        {{"noize.sigma=1"}, "--set noize.sigma=1: unknown key noize (did you mean noise?)"},
        {{"operator.kind=motion_blur"},
         "--set operator.kind=motion_blur: operator.length is missing (kind \"motion_blur\" needs "
         "it)"},
        {{"operator.kind=motion_blur", "operator.length=3", "operator.std=1"},
         "--set operator.std=1: operator.std does not belong to kind \"motion_blur\" (its keys: "
         "kind, "
         "length, angle, boundary, correlate)"},
        {{"operator.kind=inpainting"},
         "--set operator.kind=inpainting: operator of kind \"inpainting\" "
         "needs one of mask, box, keep"},
        {{"operator.std=1", "operator.kind=identity"},
         "--set operator.std=1: operator.std does not belong to kind \"identity\" (its keys: "
         "kind)"},
        {{"operator.kind=inpainting", "operator.box=[0,0,1,1]", "operator.keep=0.5"},
         "--set operator.keep=0.5: operator.keep cannot stand beside operator.box: give one"},
        {{"noise={\"sigma\":1,\"sigma\":2}"},
         "--set noise={\"sigma\":1,\"sigma\":2}: noise must be an object {...}, not "
         "\"{\\\"sigma\\\":1,\\\"sigma\\\":2}\""},
        {{"operator.boundary=per"},
         "--set operator.boundary=per: operator.boundary must be one of \"periodic\", \"zero\", "
         "\"reflect\", \"symmetric\", \"replicate\", \"valid\", not \"per\" (did you mean "
         "periodic?)"},
        {{"samplers.1.scheme=ddim", "samplers.1.eta=2"},
         "--set samplers.1.eta=2: samplers.1.eta must be >= 0 and <= 1, not 2"},
        {{"samplers.1.scheme=ddim", "samplers.1.eta=1", "samplers.1.variance=beta"},
         "--set samplers.1.variance=beta: samplers.1.variance has no use for dps: only the scheme "
         "\"ddpm\" has one"},
        {{"samplers.1.scheme=ddim", "samplers.1.eta=1", "samplers.1.last_noise=true"},
         "--set samplers.1.last_noise=true: samplers.1.last_noise has no use for dps: only the "
         "schemes "
         "\"ddpm\", \"em\" and \"ei\" have one"},
        {{"samplers.1.times=[9,9]"},
         "--set samplers.1.times=[9,9]: samplers.1.times must decrease, but 9 comes after 9"},
        {{"samplers.1.times=[9,0]", "schedule.steps=8", "report.laws_at=[0]"},
         "--set samplers.1.times=[9,0]: samplers.1.times.0 is 9, but the schedule has 8 steps"},
        {{"samplers.1.alpha=-1"},
         "--set samplers.1.alpha=-1: samplers.1.alpha must be > 0, not -1"},
        {{"samplers.5.alpha=1"},
         "--set samplers.5.alpha=1: samplers has the elements 0 to 1, not 5"},
        {{"samplers.x.alpha=1"},
         "--set samplers.x.alpha=1: samplers has the elements 0 to 1, not x"},
        {{"samplers=[]"}, "--set samplers=[]: samplers must not be empty"},
        {{"operator.std.x.y=1"},
         "--set operator.std.x.y=1: operator.std is not an object, so it has no x.y"},
        {{"image.range.x=1"},
         "--set image.range.x=1: image.range must be a list of two numbers, not "
         "{\"x\": 1}"},
        {{"prior.window.0=1"},
         "--set prior.window.0=1: prior.window does not belong to kind \"adsn\" "
         "(its keys: kind, mean)"},
        {{"prior.kind=adsn_window", "prior.window.0=1"},
         "--set prior.window.0=1: the case has no window: set the whole list"},
        {{"conventions.guidance=after"},
         "--set conventions.guidance=after: conventions.zeta is missing "
         "(samplers.0, \"cgdm\", has guidance \"after\")"},
        {{"schema=gref-case/9"},
         "--set schema=gref-case/9: schema must be \"gref-case/1\", not \"gref-case/9\""},
        {{"operator.std"}, "--set operator.std: an override is KEY=VALUE, there is no '='"},
        {{"=1"}, "--set =1: '' is not a key"},
        {{".std=1"}, "--set .std=1: '.std' is not a key"},
        {{"operator.=1"}, "--set operator.=1: 'operator.' is not a key"},
        {{"operator..std=1"}, "--set operator..std=1: 'operator..std' is not a key"},
        {{"title=\xff"}, "--set title=\xff: the value is not UTF-8 text"},
        {{"noise.sigma={\n}"}, "--set noise.sigma={ }: noise.sigma must be a number, not {}"},
    };
    const char *path = write_lines(0, NULL);
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        int n = 0;
        while (n < 3 && t[k].sets[n] != NULL)
            n++;
        assert_refused(path, t[k].sets, n, t[k].expected);
    }
    const char *beside[] = {"operator.size=5"}; /* is not why std is missing */
    assert_refused(write_lines(5, ""), beside, 1,
                   ":4: operator.std is missing (kind \"gaussian_blur\" needs it)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case_refusals");
    TCase *tc = new_tcase(s, "case_refusals");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_case_load__refuses_with_file_line_and_key);
    tcase_add_test(tc, test_case_load__limits_labels);
    tcase_add_test(tc, test_case_load__inpainting_has_exactly_one_mask);
    tcase_add_test(tc, test_case_load__says_what_needs_an_image);
    tcase_add_test(tc, test_case_load__refuses_text_that_is_no_case);
    tcase_add_test(tc, test_case_override__is_blamed_for_what_it_breaks);
    return run_suite(s);
}
