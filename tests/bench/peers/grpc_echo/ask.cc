#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"
#include "echo.h"

using quintet::bench::v1::EchoRequest;
using quintet::bench::v1::EchoResponse;
using quintet::bench::v1::EchoService;

namespace {

// One call at a time, begun again as soon as it is answered.
struct Slot {
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<EchoResponse>> reader;
    EchoResponse response;
    grpc::Status status;
    uint64_t begun_ns = 0;
};

constexpr auto kTimeout = std::chrono::seconds(10); // as quintet-echo's

void start(Slot *slot, EchoService::Stub *stub, const EchoRequest &request, grpc::CompletionQueue *queue)
{
    slot->context.emplace();
    slot->context->set_deadline(std::chrono::system_clock::now() + kTimeout);
    slot->begun_ns = measure_now_ns();
    slot->reader = stub->AsyncEcho(&*slot->context, request, queue);
    slot->reader->Finish(&slot->response, &slot->status, slot);
}

} // namespace

int ask(const measure_options &opt)
{
    // Leaves out what a plain call does not need (retries, service config, message size filters): a tenth of the CPU time.
    // grpc.optimization_target and grpc.http2.bdp_probe made no difference.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
    auto channel = grpc::CreateCustomChannel(opt.address, grpc::InsecureChannelCredentials(), arguments);
    auto stub = EchoService::NewStub(channel);
    grpc::CompletionQueue queue;
    EchoRequest request;
    std::string payload(opt.payload_bytes, '\0');
    for (size_t i = 0; i < payload.size(); i++)
        payload[i] = static_cast<char>(i * 7);
    request.set_data(payload);

    std::vector<Slot> slots(opt.in_flight);
    for (Slot &slot : slots)
        start(&slot, stub.get(), request, &queue);

    static measure m;
    size_t under_way = slots.size();
    bool over = false;
    uint64_t next_ns = measure_now_ns() + static_cast<uint64_t>(opt.warmup_s * 1e9);
    void *tag;
    for (bool ok; under_way > 0 && queue.Next(&tag, &ok);) {
        auto *slot = static_cast<Slot *>(tag);
        if (!slot->status.ok() || slot->response.data() != payload) {
            std::fprintf(stderr, "grpc-echo: %s\n",
                         slot->status.ok() ? "an answer is not what was sent"
                                           : slot->status.error_message().c_str());
            return 1;
        }
        if (!over)
            measure_call(&m, slot->begun_ns);
        if (!over && slot->begun_ns > next_ns) { // a call's begin is clock enough
            if (m.begin_ns == 0) {
                measure_begin(&m, &opt);
                next_ns = measure_now_ns() + static_cast<uint64_t>(opt.seconds * 1e9);
            } else {
                measure_end(&m, &opt, "grpc");
                over = true;
            }
        }
        if (over)
            under_way--;
        else
            start(slot, stub.get(), request, &queue);
    }
    queue.Shutdown();
    return 0;
}
