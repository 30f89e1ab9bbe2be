#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"
#include "echo.h"

using quintet::bench::v1::EchoRequest;
using quintet::bench::v1::EchoResponse;
using quintet::bench::v1::EchoService;

namespace {

// As many as the most that any client has in flight, twice over: a call never waits for a place.
constexpr int kPlaces = 2048;

// A place for one call. It is made anew in the same memory for each, as gRPC's benchmark does.
class Place {
public:
    Place(EchoService::AsyncService *service, grpc::ServerCompletionQueue *queue) : service_(service), queue_(queue)
    {
        listen();
    }

    void proceed(bool ok)
    {
        if (answering_ || !ok) {
            answering_ = false;
            call_.reset();
            if (ok)
                listen();
            return;
        }
        answering_ = true;
        response_.set_data(request_.data());
        call_->writer.Finish(response_, grpc::Status::OK, this);
    }

private:
    struct Call {
        grpc::ServerContext context;
        grpc::ServerAsyncResponseWriter<EchoResponse> writer{&context};
    };

    void listen()
    {
        call_.emplace();
        service_->RequestEcho(&call_->context, &request_, &call_->writer, queue_, queue_, this);
    }

    EchoService::AsyncService *service_;
    grpc::ServerCompletionQueue *queue_;
    std::optional<Call> call_;
    EchoRequest request_;
    EchoResponse response_;
    bool answering_ = false;
};

} // namespace

int serve(const measure_options &opt)
{
    // Blocked before gRPC makes its threads, so that sigwait alone gets it.
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigaddset(&term, SIGINT);
    pthread_sigmask(SIG_BLOCK, &term, nullptr);

    EchoService::AsyncService service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(opt.address, grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
    builder.RegisterService(&service);
    auto queue = builder.AddCompletionQueue();
    auto server = builder.BuildAndStart();
    if (!server) {
        std::fprintf(stderr, "grpc-echo: cannot listen on %s\n", opt.address);
        return 1;
    }
    std::vector<std::unique_ptr<Place>> places;
    for (int i = 0; i < kPlaces; i++)
        places.push_back(std::make_unique<Place>(&service, queue.get()));

    std::string address = opt.address;
    if (address.rfind("unix:", 0) != 0)
        address = address.substr(0, address.rfind(':') + 1) + std::to_string(port);
    std::printf("ready %s\n", address.c_str());
    std::fflush(stdout);

    std::thread stop([&] {
        int number;
        sigwait(&term, &number);
        server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
        queue->Shutdown();
    });
    void *tag;
    for (bool ok; queue->Next(&tag, &ok);)
        static_cast<Place *>(tag)->proceed(ok);
    stop.join();
    return 0;
}
