"""Pipecat behind Twilio Media Streams, as its documentation sets it up: one pipeline for each WebSocket.

Follows what `pipecat init` generates for Twilio with Deepgram Flux, OpenAI and Cartesia; what differs is
said in docs/peers.md. Prints `{"port":…,"version":…}` when it takes calls.
"""

import asyncio
import json
import os
import socket
import sys
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner

SETUP = json.loads(os.environ["BENCH_SETUP"])
URLS = SETUP["vendors"]["urls"]
KEYS = SETUP["vendors"]["keys"]

logger.remove()
logger.add(sys.stderr, level="WARNING")
app = FastAPI()


@app.post("/twiml")
async def twiml():
    stream = f'<Connect><Stream url="{SETUP["publicUrl"].replace("https", "wss")}/ws"/></Connect>'
    return Response(f"<Response>{stream}</Response>", media_type="application/xml")


@app.websocket("/ws")
async def call(websocket: WebSocket):
    await websocket.accept()
    _, call_data = await parse_telephony_websocket(websocket)
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=TwilioFrameSerializer(
                stream_sid=call_data["stream_id"],
                call_sid=call_data["call_id"],
                account_sid=SETUP["accountSid"],
                auth_token=SETUP["authToken"],
                base_url=SETUP["twilioUrl"],
            ),
        ),
    )
    stt = DeepgramFluxSTTService(
        api_key=KEYS["deepgram"],
        url=URLS["deepgram"].replace("http", "ws", 1) + "/v2/listen",
        enable_eager_end_of_turn=True,
    )
    llm = OpenAILLMService(
        api_key=KEYS["openai"],
        base_url=URLS["openaiChat"],
        settings=OpenAILLMService.Settings(model="gpt-4.1", system_instruction=SETUP["prompt"]),
    )
    tts = CartesiaTTSService(
        api_key=KEYS["cartesia"],
        url=URLS["cartesia"].replace("http", "ws", 1) + "/tts/websocket",
        settings=CartesiaTTSService.Settings(model="sonic-3.5", voice=SETUP["voiceId"]),
    )
    user_aggregator, assistant_aggregator = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    pipeline = Pipeline(
        [
            transport.input(),
            stt,
            user_aggregator,
            llm,
            tts,
            transport.output(),
            assistant_aggregator,
        ]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(
            enable_metrics=True,
            enable_usage_metrics=True,
            audio_in_sample_rate=8000,
            audio_out_sample_rate=8000,
        ),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, client):
        await runner.cancel()

    await runner.run()


async def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.05)
    port = listener.getsockname()[1]
    print(json.dumps({"port": port, "version": version("pipecat-ai")}), flush=True)
    await serving


# With uvicorn[standard] installed `uvicorn.run` takes uvloop; so does this.
try:
    import uvloop

    uvloop.run(main())
except ImportError:
    asyncio.run(main())
